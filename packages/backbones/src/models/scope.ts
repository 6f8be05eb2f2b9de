import { batchNorm, conv2d, linear, relu } from '../graph/build.js'
import type { Value } from '../graph/value.js'

/** Returns the weight of a name and shape as a constant of the graph. Names are PyTorch's. */
export type ParameterSource = (name: string, shape: readonly number[]) => Value

export interface ConvOptions {
  readonly stride?: number
  /** Zeros around the input. By default as many as keep the size at stride 1. */
  readonly padding?: number
  readonly bias?: boolean
}

/** A module of a network. Builds its layers from the weights whose names start with its own. */
export class Scope {
  readonly #parameters: ParameterSource
  readonly #prefix: string

  constructor(parameters: ParameterSource, prefix = '') {
    this.#parameters = parameters
    this.#prefix = prefix
  }

  /** Returns the submodule `name`; dots separate levels. */
  at(name: string | number): Scope {
    return new Scope(this.#parameters, `${this.#prefix}${name}.`)
  }

  parameter(name: string, ...shape: number[]): Value {
    return this.#parameters(this.#prefix + name, shape)
  }

  /** Applies this module as a convolution. */
  conv(x: Value, outputs: number, kernel: number, options: ConvOptions = {}): Value {
    const { stride = 1, padding = kernel >> 1, bias = false } = options
    const weight = this.parameter('weight', outputs, x.shape[1] as number, kernel, kernel)
    return conv2d(x, weight, bias ? this.parameter('bias', outputs) : undefined, { stride, padding })
  }

  /** Applies this module as a batch normalization. */
  norm(x: Value): Value {
    const channels = x.shape[1] as number
    return batchNorm(x, {
      scale: this.parameter('weight', channels),
      shift: this.parameter('bias', channels),
      mean: this.parameter('running_mean', channels),
      variance: this.parameter('running_var', channels),
    })
  }

  /** Applies the submodules `conv` and `norm`, then a ReLU. */
  convNormRelu(
    x: Value,
    conv: string,
    norm: string,
    outputs: number,
    kernel: number,
    options?: ConvOptions,
  ): Value {
    return relu(this.at(norm).norm(this.at(conv).conv(x, outputs, kernel, options)))
  }

  /** Applies this module as a fully connected layer. */
  linear(x: Value, outputs: number): Value {
    return linear(x, this.parameter('weight', outputs, x.shape[1] as number), this.parameter('bias', outputs))
  }
}
