"""Programs in files of other tools: JSONL, parquet, and folders of the `datasets` library."""
