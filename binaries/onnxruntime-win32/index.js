module.exports = require('onnxruntime-node')
