// Side of evaluate.mjs: the public API, labels from the small logits.
import { createSegmenter } from '@inverseform/runtime-node'
import { serve } from './lib/side.mjs'

const segmenter = await createSegmenter({ checkpoint: process.argv[2] })
serve((image) => segmenter.segment(image))
