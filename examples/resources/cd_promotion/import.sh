# By pipeline and stage.
terraform import cd_promotion.production shop/production
