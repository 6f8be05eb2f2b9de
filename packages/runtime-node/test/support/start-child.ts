/** Starts a segmenter in a process of its own, and prints the hash of its logits. */
import { createHash } from 'node:crypto'
import { createSegmenter } from '../../src/index.js'

const [checkpoint] = process.argv.slice(2)
await using segmenter = await createSegmenter({ checkpoint, device: 'cpu' })
const data = Uint8Array.from({ length: 96 * 64 * 3 }, (_, i) => (i * 37) % 251)
const { logits } = await segmenter.segment({ data, width: 96, height: 64 }, { outputs: ['logits'] })
console.log(createHash('sha256').update(new Uint8Array(logits.buffer)).digest('hex'))
