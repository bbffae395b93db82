"""Several hosts of one app on one storage account and one small database: everything once, whoever dies."""
