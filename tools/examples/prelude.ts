/**
 * Types of the variables that README fragments use without declaring them, for each README. A fragment gets a declaration for
 * each variable that it uses but does not declare. A key with `#` applies to fragments that import the module after it.
 */
export const preludes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'packages/core/README.md#@tensorflow/tfjs': {
    model: "(images: import('@tensorflow/tfjs').Tensor) => import('@tensorflow/tfjs').Tensor[]",
    images: "import('@tensorflow/tfjs').Tensor",
  },
  'packages/core/README.md#@jax-js/jax': {
    logits: "import('@jax-js/jax').numpy.Array",
    edgeLogits: "import('@jax-js/jax').numpy.Array",
  },
  'packages/backbones/README.md': {
    bytes: 'Uint8Array',
    checkpoint: "import('@inverseform/backbones').Checkpoint",
    source: "import('@inverseform/backbones').ByteSource",
    graph: "import('@inverseform/backbones/graph').Graph",
    loadModel: "typeof import('@inverseform/backbones').loadModel",
  },
  'packages/cityscapes/README.md': {
    confusion: "import('@inverseform/cityscapes').ConfusionMatrix",
  },
  'packages/core/README.md': {
    ops: "import('@inverseform/core/array').ArrayOps",
    weights: "import('@inverseform/core').InverseNetWeights<import('@inverseform/core').PlainTensor>",
    logitData: 'Float32Array',
    edgeData: 'Float32Array',
    target: 'Uint8Array',
    edgeTarget: 'Uint8Array',
    logits: "import('@inverseform/core/array').ArrayTensor",
    edgeLogits: "import('@inverseform/core/array').ArrayTensor",
    inputs: "import('@inverseform/core').JointLossInputs<import('@inverseform/core/array').ArrayTensor>",
    jointLoss: "typeof import('@inverseform/core').jointLoss",
    library: "import('@inverseform/core').TensorOps<import('@inverseform/core/array').ArrayTensor>",
  },
  'packages/runtime/README.md': {
    backend: "import('@inverseform/runtime').Backend",
    cpuBackend: "import('@inverseform/runtime').Backend",
    startGpu:
      "(precision: import('@inverseform/runtime').Precision) => Promise<import('@inverseform/runtime').Backend>",
    graph: "import('@inverseform/backbones/graph').Graph",
    data: 'Uint8Array',
    width: 'number',
    height: 'number',
  },
  'packages/runtime-node/README.md': {
    segmenter: "import('@inverseform/runtime-node').NodeSegmenter",
    checkpoint: 'string',
    images: 'string[]',
    prediction: "import('@inverseform/runtime-node').TileTensor",
    target: "import('@inverseform/runtime-node').TileTensor",
    createSegmenter: "typeof import('@inverseform/runtime-node').createSegmenter",
  },
  'packages/runtime-web/README.md': {
    segmenter: "import('@inverseform/runtime-web').WebSegmenter",
    createSegmenter: "typeof import('@inverseform/runtime-web').createSegmenter",
    picture: "Awaited<ReturnType<import('@inverseform/runtime-web').WebSegmenter['createPicture']>>",
    canvas: 'HTMLCanvasElement',
  },
}
