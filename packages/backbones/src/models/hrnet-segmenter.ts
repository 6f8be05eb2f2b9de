import { relu } from '../graph/build.js'
import type { Value } from '../graph/value.js'
import { type HrnetConfig, hrnet } from './hrnet.js'
import type { BuildOptions, NetworkOutputs } from './network.js'
import type { Scope } from './scope.js'

/** hrnet18: a two-layer classifier as wide as the features, with biases. */
export function hrnet18(scope: Scope, image: Value, options: BuildOptions): NetworkOutputs {
  const config: HrnetConfig = { width: 18, stemBlocks: 2, modules: [1, 3, 2], blocks: 2 }
  const features = hrnet(scope.at('backbone'), image, config)
  return {
    logits: classifier(scope, features, options.classes, 270, true),
    ...edge(scope, features, options),
  }
}

/** hrnet16-slim: works at half the resolution; a narrower classifier without biases. */
export function hrnet16Slim(scope: Scope, image: Value, options: BuildOptions): NetworkOutputs {
  const config: HrnetConfig = { width: 16, stemBlocks: 2, modules: [1, 3, 2], blocks: 2, halvedInput: true }
  const features = hrnet(scope.at('backbone'), image, config)
  return {
    logits: classifier(scope, features, options.classes, 120, false),
    ...edge(scope, features, options),
  }
}

function classifier(scope: Scope, features: Value, classes: number, hidden: number, bias: boolean): Value {
  const head = scope.at('hrhead.last_layer')
  const x = relu(head.at('1.0').norm(head.at('0').conv(features, hidden, 1, { bias })))
  return head.at('2').conv(x, classes, 1, { bias })
}

function edge(scope: Scope, features: Value, options: BuildOptions): Pick<NetworkOutputs, 'edge'> {
  return options.edge ? { edge: scope.at('edgeocr_cls_head').conv(features, 1, 1, { bias: true }) } : {}
}
