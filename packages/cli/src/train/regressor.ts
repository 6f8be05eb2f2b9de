import { type MetadataValue, openCheckpoint, readInverseNet } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import type { InverseFormLossOptions } from '@inverseform/core'
import { InverseFormError } from '@inverseform/errors'
import { regressorDistance } from '@inverseform/training'
import type { NodeTrainerOptions } from '@inverseform/training/node'
import type { TrainFlags } from './options.js'

/** Side of the published InverseNet's tiles in pixels. The loss resizes maps for them by itself. */
const PUBLISHED_TILE = 224

interface Regressor {
  readonly weights: NonNullable<NodeTrainerOptions['regressor']>
  /** What it estimates, if its file says so. */
  readonly transform?: MetadataValue
  readonly options?: Pick<InverseFormLossOptions, 'size' | 'tileGrid'>
}

/** How many coefficients a distance takes. */
const coefficientsOf = { coefficients: undefined, euclidean: 6, geodesic: 8 } as const

/** Returns the distance that was asked for, or else the one for what the InverseNet estimates. */
export function distanceOf(
  given: TrainFlags['distance'],
  regressor: Regressor | undefined,
): TrainFlags['distance'] {
  const count = regressor ? outputsOf(regressor) : 4
  const trained =
    typeof regressor?.transform === 'string' ? regressorDistance(regressor.transform) : undefined
  const known = given ?? trained ?? (count > 4 ? undefined : 'coefficients')
  if (known === undefined) {
    throw new InverseFormError(
      'invalid-argument',
      `--distance is missing for an InverseNet that gives ${count} coefficients.`,
      {
        hint: 'Pass euclidean for affine transformations, geodesic for homographies, or coefficients for displacements.',
      },
    )
  }
  const wanted = coefficientsOf[known]
  if (wanted === undefined || wanted === count) return known
  throw new InverseFormError(
    'invalid-argument',
    `--distance ${known} takes ${wanted} coefficients, but the ${regressor ? '' : 'small '}InverseNet gives ${count}.`,
    { hint: `Pass an --inversenet that gives ${wanted}, or leave --distance out.` },
  )
}

/** The biases of the last layer are one per coefficient. */
function outputsOf({ weights }: Regressor): number {
  const layers = Object.keys(weights).map((name) => Number(name.split('.')[1]))
  return weights[`fc.${Math.max(...layers)}.bias`]?.shape[0] ?? 0
}

/** Reads an InverseNet, with the options that divide crops into its tiles. */
export async function readRegressor(path: string, crop: TrainFlags['crop']): Promise<Regressor> {
  await using source = await fileSource(path)
  const checkpoint = await openCheckpoint(source)
  const weights = await readInverseNet(checkpoint)
  const { transform } = checkpoint.metadata
  const side = Math.sqrt(weights['fc.0.weight'].shape[1] / 2)
  if (side === PUBLISHED_TILE) return { weights, transform }
  if (!Number.isInteger(side)) {
    throw new InverseFormError(
      'invalid-argument',
      `--inversenet must be for square tiles, got ${2 * side ** 2} inputs, two tiles of ${side ** 2} pixels.`,
      { hint: 'Train it with --tile and one number, such as --tile 28.' },
    )
  }
  const tileGrid = crop.map((size) => Math.max(1, Math.round(size / side))) as [number, number]
  return {
    weights,
    transform,
    options: { size: [tileGrid[0] * side, tileGrid[1] * side], tileGrid },
  }
}
