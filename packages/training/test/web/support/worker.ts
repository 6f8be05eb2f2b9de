/** A worker that trains, as an application would write it. */
import { toMessage } from '@inverseform/errors'
import { isOnnxThread, type WebSessionOptions, webSession } from '../../../src/web/index.js'
import { train } from './train.js'

async function answer({ data: options }: MessageEvent<WebSessionOptions>): Promise<void> {
  try {
    for await (const result of train((graph) => webSession(graph, options))) postMessage({ result })
    postMessage({ done: true })
  } catch (error) {
    postMessage({ error: toMessage(error) })
  }
}

if (!isOnnxThread()) addEventListener('message', answer)
