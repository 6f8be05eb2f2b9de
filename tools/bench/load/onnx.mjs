// The ONNX Runtime side of load/run.mjs: opens an exported model. Prints one line of JSON.
import { availableParallelism } from 'node:os'
import { InferenceSession } from 'onnxruntime-node'
import { memory } from '../lib/machine.mjs'

const started = performance.now()
const session = await InferenceSession.create(process.argv[2], { intraOpNumThreads: availableParallelism() })
console.log(JSON.stringify({ total: performance.now() - started, ...memory() }))
await session.release()
