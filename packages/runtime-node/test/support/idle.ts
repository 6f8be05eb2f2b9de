/** Segments one image and ends without disposing of anything. */
import { createSegmenter } from '../../src/index.js'

const segmenter = await createSegmenter({ checkpoint: process.argv[2] })
const { labels } = await segmenter.segment({ data: new Uint8Array(64 * 32 * 3), width: 64, height: 32 })
console.log(`${labels.length} labels`)
