"""SageMaker's Feature Store: records of feature groups, online and in files.

`group` and `values` say what a record may be, `database` keeps the online store and what waits for the
offline store, `runtime` answers the API's operations, and `offline` writes the files and their table.
"""
