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

it('a metric, the header of its state and the codes of errors can be named from outside', () => {
  const metric: Metric<SegmentedImage, StateHeader, SegmentationScores> = new ConfusionMatrix()
  expect(metric.toJSON()).toMatchObject({ format: 'inverseform.confusion-matrix', version: 1 })
  expectTypeOf<InverseFormError['code']>().toEqualTypeOf<InverseFormErrorCode>()
})
