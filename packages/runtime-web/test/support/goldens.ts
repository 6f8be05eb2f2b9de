import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { goldenInputs, goldenOutputs } from '../../../backbones/test/support/golden.js'
import { imageTensor } from '../../../backbones/test/support/models.js'
import { relativeError } from '../../../backbones/test/support/tensors.js'
import type { Device } from '../../src/index.js'

/** The published network's outputs for the reference inputs, computed by the package's backend in the page. */
export async function expectGoldens(
  page: Page,
  device: Device,
  tolerance: number,
  chosen: readonly (typeof goldenInputs)[number][] = goldenInputs,
): Promise<number> {
  const inputs = chosen.map(({ image, height, width }) => {
    const { data, shape } = imageTensor(image, height, width)
    return { data: Array.from(data), shape }
  })
  const { results, dispatches } = await page.evaluate(
    ([device, inputs]) => harness.segmentTensors(device, '/models/deterministic.safetensors', inputs),
    [device, inputs] as const,
  )
  for (const [i, { size }] of chosen.entries()) {
    const { pred, edge_pred } = await goldenOutputs('hrnet16-slim', size)
    expect(results[i].logits).toHaveLength(pred.data.length)
    expect(relativeError(results[i].logits as number[], pred.data)).toBeLessThanOrEqual(tolerance)
    expect(relativeError(results[i].edgeOutput as number[], edge_pred.data)).toBeLessThanOrEqual(tolerance)
  }
  return dispatches
}
