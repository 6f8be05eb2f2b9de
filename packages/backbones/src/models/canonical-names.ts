import type { Checkpoint, CheckpointTensor } from '../checkpoint/types.js'

/** A checkpoint's tensors by canonical name. */
export type CanonicalTensors = ReadonlyMap<string, CheckpointTensor>

/** Modules that wrap others and are no part of a network: torch.compile, DistributedDataParallel, FSDP, checkpointing. */
const WRAPPERS = /(^|\.)(?:(?:_orig_mod|module|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.)+/g

/** Removes what training setups add to any model's names: wrappers anywhere, and `modules.` or `model.` at the start. */
function unwrapped(name: string): string {
  return name.replace(WRAPPERS, '$1').replace(/^(?:(?:modules|model)\.)+/, '')
}

const BACKBONE = 'backbone.'
const withoutBackbone = (name: string): string =>
  name.startsWith(BACKBONE) ? name.slice(BACKBONE.length) : name

/**
 * Returns a name without the prefixes that training setups add to it and without `backbone.`, which separates the backbone
 * from the heads. Names of the models stay unique without it.
 */
export function canonicalName(name: string): string {
  return withoutBackbone(unwrapped(name))
}

/** Modules above a network. Deeper names are not searched for one. */
const MAX_DEPTH = 8

/** A checkpoint's tensors whose names start with a prefix such as `net.`, by the rest of their names. */
export interface TensorsUnder {
  /** Empty for all tensors of the checkpoint. */
  readonly prefix: string
  readonly tensors: CanonicalTensors
  /** Tensors whose canonical name is another's as well. */
  readonly twins: CanonicalTensors
  /** Tensors with other prefixes. */
  readonly outside: readonly CheckpointTensor[]
}

/** The names of a checkpoint's tensors, to find a network among them. */
export class TensorNames {
  readonly all: TensorsUnder
  readonly #unwrapped: readonly (readonly [string, CheckpointTensor])[]
  #endings?: readonly (readonly string[])[]

  constructor(checkpoint: Pick<Checkpoint, 'tensors'>) {
    this.#unwrapped = [...checkpoint.tensors.values()].map((tensor) => [unwrapped(tensor.name), tensor])
    this.all = this.under('')
  }

  under(prefix: string): TensorsUnder {
    const tensors = new Map<string, CheckpointTensor>()
    const twins = new Map<string, CheckpointTensor>()
    const outside: CheckpointTensor[] = []
    for (const [name, tensor] of this.#unwrapped) {
      if (!name.startsWith(prefix)) {
        outside.push(tensor)
        continue
      }
      const canonical = withoutBackbone(name.slice(prefix.length))
      const known = tensors.has(canonical) ? twins : tensors
      known.set(canonical, tensor)
    }
    return { prefix, tensors, twins, outside }
  }

  /**
   * Returns the prefixes below which there are names that a model needs, with their number, most first. `needed` holds
   * canonical names.
   */
  prefixesOf(needed: ReadonlySet<string>): readonly (readonly [prefix: string, found: number])[] {
    this.#endings ??= this.#unwrapped.map(([name]) => endingsOf(name))
    const counts = new Map<string, number>()
    this.#endings.forEach((endings, i) => {
      for (const ending of endings) {
        if (!needed.has(withoutBackbone(ending))) continue
        const [name] = this.#unwrapped[i]
        const prefix = name.slice(0, name.length - ending.length)
        counts.set(prefix, (counts.get(prefix) ?? 0) + 1)
      }
    })
    return [...counts].sort(([a, most], [b, more]) => more - most || a.length - b.length)
  }
}

/** Returns a name and its ends after the first few dots. */
function endingsOf(name: string): string[] {
  const endings = [name]
  for (
    let dot = name.indexOf('.');
    dot >= 0 && endings.length <= MAX_DEPTH;
    dot = name.indexOf('.', dot + 1)
  ) {
    endings.push(name.slice(dot + 1))
  }
  return endings
}
