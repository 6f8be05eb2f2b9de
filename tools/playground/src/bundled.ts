import withInverseForm from '../../../checkpoints/hrnet16-slim-demo.pth?url'
import withoutInverseForm from '../../../checkpoints/hrnet16-slim-demo-without-inverseform.pth?url'
import type { NetworkSource } from './segmentation.js'

/** Two checkpoints that were trained alike, but for the loss: the first without the InverseForm term, the second with it. */
export const bundled: readonly [NetworkSource, NetworkSource] = [
  {
    name: 'hrnet16-slim-demo-without-inverseform.pth',
    title: 'Without InverseForm',
    checkpoint: withoutInverseForm,
  },
  { name: 'hrnet16-slim-demo.pth', title: 'With InverseForm', checkpoint: withInverseForm },
]
