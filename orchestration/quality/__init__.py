"""Quality gates at the two borders: landed partitions before dbt, marts before publishing."""
