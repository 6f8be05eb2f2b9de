import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { goldenInputs, goldenOutputs } from '../../../backbones/test/support/golden.js'
import { imageTensor } from '../../../backbones/test/support/models.js'
import { relativeError } from '../../../backbones/test/support/tensors.js'
import type { Device } from '../../src/index.js'

export type GoldenModel = 'hrnet16-slim' | 'hrnet18'

/** A published network's outputs for the reference inputs, computed by the package's backend in the page. */
export async function expectGoldens(
  page: Page,
  model: GoldenModel,
  device: Device,
  tolerance: number,
): Promise<number> {
  const inputs = goldenInputs.map(({ image, height, width }) => {
    const { data, shape } = imageTensor(image, height, width)
    return { data: Array.from(data), shape }
  })
  const { results, dispatches } = await page.evaluate(
    ([device, url, inputs]) => harness.segmentTensors(device, url, inputs),
    [device, `/models/${model}.safetensors`, inputs] as const,
  )
  for (const [i, { size }] of goldenInputs.entries()) {
    const { pred, edge_pred } = await goldenOutputs(model, size)
    expect(results[i].logits).toHaveLength(pred.data.length)
    expect(relativeError(results[i].logits as number[], pred.data)).toBeLessThanOrEqual(tolerance)
    expect(relativeError(results[i].edgeOutput as number[], edge_pred.data)).toBeLessThanOrEqual(tolerance)
  }
  return dispatches
}
