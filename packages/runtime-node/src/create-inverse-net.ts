import { INVERSENET_TILE } from '@inverseform/backbones'
import { checkArgument, InverseFormError } from '@inverseform/errors'
import { type CompileProgress, checkSignal, compact, type Tensor } from '@inverseform/runtime'
import type { Device } from './devices/devices.js'
import { withLocalCheckpoint } from './local-checkpoint.js'
import { type InverseNetOptions, inverseNetSettings } from './options.js'
import { startWorker } from './worker/client.js'
import type { InverseNetTask } from './worker/tasks/inverse-net.js'

/** Tiles in main memory, [tiles, 1, 224, 224] in C order. */
export interface TileTensor {
  readonly data: ArrayLike<number>
  readonly shape: readonly number[]
}

type Loaded = InverseNetTask['loaded']

/** InverseNet, ready to run. It holds native memory: call `dispose()` when you no longer need it. */
export interface InverseNet extends Loaded, AsyncDisposable {
  /**
   * Returns the normalized shift and scale between two stacks of boundary tiles.
   *
   * @param prediction [tiles, 1, 224, 224], from `inverseFormTiles` of `@inverseform/core`
   * @param target the same tiles of the target
   * @returns [tiles, 4], 0 without shift or scale
   * @throws InverseFormError `size-mismatch` for tiles of another shape, `out-of-memory`, `inference-failed`, `disposed`;
   * the reason of the signal when it is aborted
   */
  coefficients(
    prediction: TileTensor,
    target: TileTensor,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Tensor>
  /** Lets the work under way finish, then frees the network. Calling it again does nothing. */
  dispose(): Promise<void>
}

/**
 * Loads InverseNet, the regressor of the InverseForm loss, for measuring. Loading and inference run in a worker thread. It
 * has no gradient: to train with the loss, use `inverseNet` of `@inverseform/core`.
 *
 * @example
 * const inverseNet = await createInverseNet({ checkpoint: 'inversenet', precision: 'int8' })
 * const { data, shape } = await inverseNet.coefficients(prediction, target)
 * await inverseNet.dispose()
 *
 * @throws InverseFormError `not-found`, `unreadable`, `invalid-checkpoint`, `unsafe-checkpoint` or `checkpoint-mismatch` for a
 * checkpoint that cannot be used; `limit-exceeded` for weights outside the range of the precision; `runtime-unavailable`
 * if the device or the platform cannot run it; `invalid-argument` for other options
 */
export async function createInverseNet(options: InverseNetOptions): Promise<InverseNet> {
  const settings = await withLocalCheckpoint(inverseNetSettings(options), options)
  const { signal, onProgress } = options
  const report = (progress: CompileProgress) => onProgress?.(progress as CompileProgress<Device>)
  const { client, loaded } = await startWorker('inverseNet', settings, { signal, onProgress: report })

  return {
    ...loaded,
    async coefficients(prediction, target, { signal } = {}) {
      client.checkRunning()
      checkSignal(signal)
      const request = { prediction: tilesOf('prediction', prediction), target: tilesOf('target', target) }
      checkSameCount(request)
      return client.run(request, { signal })
    },
    dispose: () => client.dispose(),
    [Symbol.asyncDispose]: () => client.dispose(),
  }
}

function tilesOf(name: string, tensor: TileTensor): Tensor {
  const isTensor = Array.isArray(tensor?.shape) && typeof tensor.data?.length === 'number'
  checkArgument(name, tensor, isTensor, 'a tensor { data, shape }')
  const { data, shape } = tensor
  const [tiles, ...rest] = shape
  const fits = tiles > 0 && rest.join() === [1, INVERSENET_TILE, INVERSENET_TILE].join()
  if (!fits || data.length !== tiles * INVERSENET_TILE ** 2) {
    throw new InverseFormError(
      'size-mismatch',
      `\`${name}\` must have the shape [tiles, 1, ${INVERSENET_TILE}, ${INVERSENET_TILE}], got [${shape.join(', ')}] with ${data.length} values.`,
      { hint: 'Pass at least one tile, in C order.', details: { [name]: shape } },
    )
  }
  return { data: data instanceof Float32Array ? compact(data) : Float32Array.from(data), shape }
}

function checkSameCount({ prediction, target }: InverseNetTask['request']): void {
  const [a, b] = [prediction.shape[0], target.shape[0]]
  if (a === b) return
  throw new InverseFormError(
    'size-mismatch',
    `\`prediction\` and \`target\` must have the same number of tiles, got ${a} and ${b}.`,
    { hint: 'Pass the same tiles of both maps.', details: { prediction: a, target: b } },
  )
}
