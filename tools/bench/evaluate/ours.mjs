// Our side of evaluate/run.mjs: segments through the public API, which reads labels from the small logits.
import { createSegmenter } from '@inverseform/runtime-node'
import { serve } from './side.mjs'

const segmenter = await createSegmenter({ checkpoint: process.argv[2] })
serve((image) => segmenter.segment(image))
