# Use the name.
terraform import cd_pipeline.shop shop
