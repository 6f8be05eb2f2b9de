import { relu } from '../graph/build.js'
import type { Value } from '../graph/value.js'
import { type HrnetConfig, hrnet } from './hrnet.js'
import { auxiliaryHead, type BuildOptions, edgeHead, type NetworkOutputs } from './network.js'
import type { Scope } from './scope.js'

/** hrnet18: its classifier has two layers, as wide as the features, with biases. */
export function hrnet18(scope: Scope, image: Value, options: BuildOptions): NetworkOutputs {
  const config: HrnetConfig = { width: 18, stemBlocks: 2, modules: [1, 3, 2], blocks: 2 }
  const features = hrnet(scope.at('backbone'), image, config)
  return {
    logits: classifier(scope, features, options.numClasses, 270, true),
    ...otherOutputs(scope, features, options),
  }
}

/** hrnet16-slim: runs at half the resolution; its classifier is narrower and has no biases. */
export function hrnet16Slim(scope: Scope, image: Value, options: BuildOptions): NetworkOutputs {
  const config: HrnetConfig = { width: 16, stemBlocks: 2, modules: [1, 3, 2], blocks: 2, halvedInput: true }
  const features = hrnet(scope.at('backbone'), image, config)
  return {
    logits: classifier(scope, features, options.numClasses, 120, false),
    ...otherOutputs(scope, features, options),
  }
}

function classifier(scope: Scope, features: Value, numClasses: number, hidden: number, bias: boolean): Value {
  const head = scope.at('hrhead.last_layer')
  const x = relu(head.at('1.0').norm(head.at('0').conv(features, hidden, 1, { bias })))
  return head.at('2').conv(x, numClasses, 1, { bias })
}

function otherOutputs(scope: Scope, features: Value, options: BuildOptions): Omit<NetworkOutputs, 'logits'> {
  return {
    ...(options.edgeHead && { edge: scope.at('edgeocr_cls_head').conv(features, 1, 1, { bias: true }) }),
    ...(options.auxiliaryHeads && {
      auxiliaryLogits: auxiliaryHead(scope, features, options.numClasses),
      ...(options.edgeHead && { auxiliaryEdge: edgeHead(scope, features) }),
    }),
  }
}
