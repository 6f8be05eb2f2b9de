import { INVERSENET_TILE, type WeightPrecision } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import { compact, requireDevice, requireOption, type Tensor } from '@inverseform/runtime'
import { type InverseNetOptions, networkSettings } from './options.js'
import type { InverseNetTask } from './tasks/inverse-net.js'
import { WorkerClient } from './worker-client.js'

/** Tiles in plain memory, [tiles, 1, 224, 224] in C order. */
export interface TileTensor {
  readonly data: ArrayLike<number>
  readonly shape: readonly number[]
}

type Loaded = InverseNetTask['loaded']

/** InverseNet, ready to run. Holds native memory: `dispose()` it, or declare it with `await using`. */
export interface InverseNet extends Loaded, AsyncDisposable {
  /**
   * The normalised shift and scale between two stacks of boundary tiles, 0 where there is none.
   *
   * @param prediction [tiles, 1, 224, 224], as `inverseFormTiles` of `@inverseform/core` gives them
   * @param target the same tiles of the true map
   * @returns [tiles, 4]
   * @throws InverseFormError `size-mismatch` for tiles of another shape, `out-of-memory`, `inference-failed`, `disposed`;
   * the signal's reason when it is aborted.
   */
  coefficients(
    prediction: TileTensor,
    target: TileTensor,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Tensor>
  /** Lets the work under way finish, then frees the network. Calling it again does nothing. */
  dispose(): Promise<void>
}

const PRECISIONS: readonly WeightPrecision[] = ['float32', 'float16', 'int8']

/**
 * Loads InverseNet, the regressor of the InverseForm loss, to measure with. Loading and inference run in a thread of their
 * own. It has no gradient: to train with the loss, use `inverseNet` of `@inverseform/core`.
 *
 * @example
 * await using inverseNet = await createInverseNet({ checkpoint: 'distance_measures_regressor.pth', precision: 'int8' })
 * const { data, shape } = await inverseNet.coefficients(prediction, target)
 *
 * @throws InverseFormError `not-found`, `invalid-checkpoint`, `unsafe-checkpoint` or `checkpoint-mismatch` for a
 * checkpoint that cannot be used, `limit-exceeded` for weights that the precision cannot hold, `runtime-unavailable` for a
 * device or platform that cannot run it, `invalid-argument` for other options.
 */
export async function createInverseNet(options: InverseNetOptions): Promise<InverseNet> {
  const { device = 'auto', precision = 'float32', signal } = options
  const settings = networkSettings(options)
  requireDevice(device, ['auto', 'cpu'])
  requireOption('precision', precision, PRECISIONS.includes(precision), `one of ${PRECISIONS.join(', ')}`)
  const { client, loaded } = await WorkerClient.start('inverseNet', { ...settings, precision }, signal)

  return {
    ...loaded,
    async coefficients(prediction, target, { signal } = {}) {
      client.requireRunning()
      const request = { prediction: checked('prediction', prediction), target: checked('target', target) }
      requireSameCount(request)
      return client.run(request, { signal })
    },
    dispose: () => client.dispose(),
    [Symbol.asyncDispose]: () => client.dispose(),
  }
}

function checked(name: string, { data, shape }: TileTensor): Tensor {
  const [tiles, ...rest] = shape
  const fits = tiles > 0 && rest.join() === [1, INVERSENET_TILE, INVERSENET_TILE].join()
  if (!fits || data.length !== tiles * INVERSENET_TILE ** 2) {
    throw new InverseFormError(
      'size-mismatch',
      `The tiles of the ${name} have the shape [${shape.join(', ')}] and ${data.length} values.`,
      {
        hint: `Give [tiles, 1, ${INVERSENET_TILE}, ${INVERSENET_TILE}], at least one tile, in C order.`,
        details: { [name]: shape },
      },
    )
  }
  return { data: data instanceof Float32Array ? compact(data) : Float32Array.from(data), shape }
}

function requireSameCount({ prediction, target }: InverseNetTask['request']): void {
  const [a, b] = [prediction.shape[0], target.shape[0]]
  if (a === b) return
  throw new InverseFormError('size-mismatch', `The prediction has ${a} tiles, the target ${b}.`, {
    hint: 'Give the same tiles of both maps.',
    details: { prediction: a, target: b },
  })
}
