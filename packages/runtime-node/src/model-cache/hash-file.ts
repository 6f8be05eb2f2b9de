import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { FileHash, HashRequest } from './hash-worker.js'

export type { FileHash }

/** Hashes a file in a thread of its own, while ONNX Runtime blocks this one; returns undefined if it cannot be read. */
export async function hashFile(
  path: string,
  algorithm: HashRequest['algorithm'],
): Promise<FileHash | undefined> {
  try {
    const [hash] = await once(startWorker({ path, algorithm }), 'message')
    return hash
  } catch {
    return undefined
  }
}

function startWorker(workerData: HashRequest): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./hash-worker.js', import.meta.url), { workerData, name: 'hash' })
  }
  // When tests run from source, the worker is TypeScript.
  const entry = JSON.stringify(new URL('./hash-worker.ts', import.meta.url).href)
  const start = `import('tsx/esm/api').then(({ register }) => { register(); return import(${entry}) })`
  return new Worker(start, { workerData, eval: true })
}
