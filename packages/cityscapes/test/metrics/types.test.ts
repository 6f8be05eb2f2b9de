import { expect, expectTypeOf, it } from 'vitest'
import {
  ConfusionMatrix,
  type InverseFormError,
  type InverseFormErrorCode,
  type Metric,
  type SegmentationScores,
  type SegmentedImage,
  type StateHeader,
} from '../../src/index.js'

it('the types of metrics, state headers and error codes are exported', () => {
  const metric: Metric<SegmentedImage, StateHeader, SegmentationScores> = new ConfusionMatrix()
  expect(metric.toJSON()).toMatchObject({ format: 'inverseform.confusion-matrix', version: 1 })
  expectTypeOf<InverseFormError['code']>().toEqualTypeOf<InverseFormErrorCode>()
})
