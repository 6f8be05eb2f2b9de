/** A worker for tests that kill it: `worker-program <url> <milliseconds an image>`. It prints each image that it starts. */
import { setTimeout } from 'node:timers/promises'
import { connect, work } from '../src/index.js'

const [url, milliseconds] = process.argv.slice(2)
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
await using connection = await connect(url)
await work(connection, {
  program: '1.2.3',
  open: async () => ({
    concurrency: 2,
    device: 'test',
    async process(image: string) {
      console.log(image)
      await setTimeout(Number(milliseconds))
      return { length: image.length, image }
    },
    async [Symbol.asyncDispose]() {},
  }),
  signal: stop.signal,
  lease: 1000,
  grace: 200,
  interval: 50,
}).catch((error) => {
  if (!stop.signal.aborted) throw error
})
