export { blobSource } from './blob.js'
export { type ByteSink, type MemorySink, memorySink } from './sink.js'
export { type ByteSource, bytesSource } from './source.js'
export { type UrlSourceOptions, urlSource } from './url.js'
