# By its name.
terraform import cd_pipeline.shop shop
