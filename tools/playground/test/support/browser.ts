export { chromiumPath, launch } from '../../../../packages/runtime-web/test/support/browser.js'

/** A moving test pattern in place of a camera; a page still has to be allowed to use it. */
export const fakeCamera = ['--use-fake-device-for-media-stream']
