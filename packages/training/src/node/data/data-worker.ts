/** Makes batches in a worker thread. */
import { parentPort, workerData } from 'node:worker_threads'
import { type ErrorMessage, toMessage } from '@inverseform/errors'
import type { Batch } from '../../batch.js'
import { type BatchSettings, batchMaker } from '../../data/batch-maker.js'
import type { TargetClasses } from '../../data/class-places.js'
import type { Pick } from '../../data/sampler.js'
import { fileSamples } from './file-samples.js'
import type { SampleFiles } from './sample-files.js'

/** What a thread works with. */
export interface DataPlan {
  readonly files: SampleFiles
  readonly settings: BatchSettings
  readonly cacheBytes: number
}

/** The work of one request. */
export type DataWork =
  | { readonly kind: 'classes'; readonly sample: number }
  | { readonly kind: 'batch'; readonly step: number; readonly picks: readonly Pick[] }

export type DataRequest = { readonly id: number; readonly work: DataWork } | { readonly kind: 'end' }

export type DataReply =
  | { readonly id: number; readonly result: TargetClasses | Batch }
  | { readonly id: number; readonly error: ErrorMessage }

const port = parentPort as NonNullable<typeof parentPort>
const { files, settings, cacheBytes } = workerData as DataPlan
const maker = batchMaker(fileSamples(files, cacheBytes), settings)

port.on('message', async (request: DataRequest) => {
  // The thread ends when the files that it is decoding are decoded: ending it within native code may end the process.
  if ('kind' in request) port.close()
  else await answer(request.id, request.work)
})

async function answer(id: number, work: DataWork): Promise<void> {
  try {
    if (work.kind === 'classes') {
      port.postMessage({ id, result: await maker.classes(work.sample) } satisfies DataReply)
      return
    }
    const result = await maker.batch(work.step, work.picks)
    const buffers = [result.images, result.target, result.edgeTarget].map(
      ({ buffer }) => buffer as ArrayBuffer,
    )
    port.postMessage({ id, result } satisfies DataReply, buffers)
  } catch (error) {
    port.postMessage({ id, error: toMessage(error) } satisfies DataReply)
  }
}
