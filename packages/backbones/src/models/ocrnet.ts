import {
  concat,
  constant,
  flattenSpatial,
  matmul,
  multiply,
  sigmoid,
  softmax,
  transpose,
  unflattenSpatialLike,
  unsqueeze,
} from '../graph/build.js'
import type { Value } from '../graph/value.js'
import { type HrnetConfig, hrnet } from './hrnet.js'
import { auxiliaryHead, type BuildOptions, edgeHead, type NetworkOutputs } from './network.js'
import type { Scope } from './scope.js'

const HRNET48: HrnetConfig = { width: 48, stemBlocks: 4, modules: [1, 4, 3], blocks: 4 }
const FEATURES = 512
const KEYS = 256

/** ocrnet48: HRNet-W48 with object-contextual representations (Yuan et al., ECCV 2020, https://arxiv.org/abs/1909.11065). */
export function ocrnet48(scope: Scope, image: Value, options: BuildOptions): NetworkOutputs {
  const backbone = hrnet(scope.at('backbone'), image, HRNET48)
  const { logits, features, regions } = objectContext(scope.at('ocr'), backbone, options.numClasses)
  return {
    logits,
    ...(options.edgeHead && { edge: scope.at('edgeocr_cls_head').conv(features, 1, 1, { bias: true }) }),
    ...(options.auxiliaryHeads && {
      auxiliaryLogits: regions,
      ...(options.edgeHead && { auxiliaryEdge: edgeHead(scope, backbone) }),
    }),
  }
}

/**
 * ocrnet48-hms: one scale of hierarchical multi-scale attention (Tao et al., 2020, https://arxiv.org/abs/2005.10821).
 * `attention` in [0,1] weighs this scale against the next larger one; `edge` is a probability, not a logit.
 */
export function ocrnet48Hms(scope: Scope, image: Value, options: BuildOptions): NetworkOutputs {
  const backbone = hrnet(scope.at('backbone'), image, HRNET48)
  const { logits, features, regions } = objectContext(scope.at('ocr'), backbone, options.numClasses)
  const attention = scaleAttention(scope.at('scale_attn'), features)
  const edge = options.edgeHead ? edgeHead(scope, backbone) : undefined
  return {
    logits,
    attention,
    ...(edge && { edge: sigmoid(edge) }),
    // The model has one edge head, which serves both.
    ...(options.auxiliaryHeads && { auxiliaryLogits: regions, ...(edge && { auxiliaryEdge: edge }) }),
  }
}

function scaleAttention(scope: Scope, features: Value): Value {
  let x = scope.convNormRelu(features, 'conv0', 'bn0', 256, 3)
  x = scope.convNormRelu(x, 'conv1', 'bn1', 256, 3)
  return sigmoid(scope.at('conv2').conv(x, 1, 1))
}

/** Joins each pixel's features with those of the objects that it resembles. */
function objectContext(
  scope: Scope,
  backbone: Value,
  numClasses: number,
): { logits: Value; features: Value; regions: Value } {
  const pixels = scope.convNormRelu(backbone, 'conv3x3_ocr.0', 'conv3x3_ocr.1.0', FEATURES, 3, { bias: true })
  const regions = auxiliaryHead(scope, backbone, numClasses)
  const objects = gatherObjects(pixels, regions)
  const head = scope.at('ocr_distri_head')
  const context = attendToObjects(head.at('object_context_block'), pixels, objects)
  const features = head.convNormRelu(
    concat([context, pixels], 1),
    'conv_bn_dropout.0',
    'conv_bn_dropout.1.0',
    FEATURES,
    1,
  )
  return { logits: scope.at('cls_head').conv(features, numClasses, 1, { bias: true }), features, regions }
}

/** Returns one feature vector per class, the mean over its soft region: [N, FEATURES, numClasses, 1]. */
function gatherObjects(pixels: Value, regions: Value): Value {
  const share = softmax(flattenSpatial(regions), 2)
  return unsqueeze(matmul(flattenSpatial(pixels), transpose(share, 0, 2, 1)), 3)
}

/** Mixes object features for each pixel, by the similarity of its query to their keys: [N, FEATURES, H, W]. */
function attendToObjects(scope: Scope, pixels: Value, objects: Value): Value {
  const queries = flattenSpatial(twoLayers(scope.at('f_pixel'), pixels))
  const keys = flattenSpatial(twoLayers(scope.at('f_object'), objects))
  const values = flattenSpatial(scope.at('f_down').convNormRelu(objects, '0', '1.0', KEYS, 1))
  const scale = constant('similarity_scale', [], async () => Float32Array.of(KEYS ** -0.5))
  // As [N, numClasses, H·W], the attention needs no transposed copy of the pixels.
  const similarity = softmax(multiply(matmul(transpose(keys, 0, 2, 1), queries), scale), 1)
  const context = unflattenSpatialLike(matmul(values, similarity), pixels)
  return scope.at('f_up').convNormRelu(context, '0', '1.0', FEATURES, 1)
}

function twoLayers(scope: Scope, x: Value): Value {
  return scope.convNormRelu(scope.convNormRelu(x, '0', '1.0', KEYS, 1), '2', '3.0', KEYS, 1)
}
