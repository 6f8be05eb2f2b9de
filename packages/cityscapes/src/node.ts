export { type Dataset, type DatasetOptions, openDataset, type Sample, type Shard } from './node/dataset.js'
export { readInstanceIds, readLabelIds } from './node/read.js'
