package directory

func limitFileSize(uint64) {}
