# Use pipeline/stage.
terraform import cd_promotion.production shop/production
