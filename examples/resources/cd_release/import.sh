# Use pipeline/version.
terraform import cd_release.shop shop/1.4.2
