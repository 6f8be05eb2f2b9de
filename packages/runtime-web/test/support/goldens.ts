import { goldenInputs, goldenOutputs, imageTensor, relativeError } from '@inverseform/testing'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import type { Device } from '../../src/index.js'

export type GoldenModel = 'hrnet16-slim' | 'hrnet18'

/** Compares a network's outputs for the reference inputs, computed in the page, with the golden outputs. Returns the number of GPU dispatches. */
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
