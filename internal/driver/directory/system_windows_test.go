package directory

func limitFileSize(uint64) {}

const diskFull = errorDiskFull
