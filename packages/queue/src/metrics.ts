import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { InverseFormError } from '@inverseform/errors'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { WorkEvent } from './processor.js'

export interface MetricsServerOptions {
  /** 0 for any free one. */
  readonly port: number
  /** The address to listen at; 127.0.0.1 by default, so that other machines see nothing. */
  readonly host?: string
}

/** How an image ended, for counters. */
export interface ImageOutcome {
  readonly outcome: 'done' | 'skipped'
  /** Seconds of each stage. */
  readonly seconds?: Readonly<Record<string, number>>
}

/** Counts what a worker does, and serves it to Prometheus at `/metrics`. */
export interface MetricsServer extends AsyncDisposable {
  readonly url: string
  /** @param outcomeOf reads how an image ended from what `process` returned */
  count(event: WorkEvent, outcomeOf: (payload: unknown) => ImageOutcome): void
}

const BASE = 'http://localhost'
const BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60]

/** @throws InverseFormError `invalid-argument` for a port or an address that cannot be listened at */
export async function serveMetrics({
  port,
  host = '127.0.0.1',
}: MetricsServerOptions): Promise<MetricsServer> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const images = new Counter({
    name: 'inverseform_images_total',
    help: 'Images, by how they ended: done, skipped, failed, handed-back or lost.',
    labelNames: ['outcome'] as const,
    registers,
  })
  for (const outcome of ['done', 'skipped', 'failed', 'handed-back', 'lost']) images.inc({ outcome }, 0)
  const inFlight = new Gauge({
    name: 'inverseform_images_in_flight',
    help: 'Images that this worker has taken and not ended.',
    registers,
  })
  const stages = new Histogram({
    name: 'inverseform_stage_seconds',
    help: 'Seconds of each stage of an image.',
    labelNames: ['stage'] as const,
    buckets: BUCKETS,
    registers,
  })
  const server = createServer(async (request, response) => {
    const { url = '/' } = request
    // A client may send anything as its URL, such as `//`.
    if (!URL.canParse(url, BASE) || new URL(url, BASE).pathname !== '/metrics') {
      response.writeHead(404).end('The metrics are at /metrics.\n')
      return
    }
    response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.metrics())
  })
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject).listen(port, host, resolve)
  }).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EADDRINUSE' ? 'another program has it' : cause.message
    throw new InverseFormError('invalid-argument', `Metrics cannot be served at ${host}:${port}: ${why}.`, {
      hint: 'Choose another port, or an address of this machine.',
      cause,
    })
  })
  // A worker that has ended does not wait for a scrape.
  server.unref()
  const { address, port: bound, family } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}/metrics`,
    count(event, outcomeOf) {
      if (event.type === 'started') return inFlight.inc()
      inFlight.dec()
      if (event.type !== 'done') return images.inc({ outcome: event.type })
      const { outcome, seconds = {} } = outcomeOf(event.payload)
      images.inc({ outcome })
      for (const [stage, taken] of Object.entries(seconds)) stages.observe({ stage }, taken)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
