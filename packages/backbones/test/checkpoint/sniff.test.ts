import { bytes, pickle } from '@inverseform/testing'
import { expect, test } from 'vitest'
import { errorOf, openBytes } from './support.js'

const tar = bytes('sys_info', new Uint8Array(249), 'ustar\x0000', new Uint8Array(248))

test.each<[string, Uint8Array, RegExp]>([
  ['nothing', bytes(), /an empty file/],
  [
    'a Git LFS pointer',
    bytes('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n'),
    /Git LFS pointer/,
  ],
  ['an error page', bytes('\n<!DOCTYPE html>\n<html><title>404</title></html>'), /HTML or XML page/],
  [
    'a storage service error',
    bytes('<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>'),
    /HTML or XML page/,
  ],
  ['a JSON error', bytes('{"message":"Not Found"}'), /JSON/],
  ['HDF5', bytes(0x89, 'HDF\r\n', 0x1a, '\n', new Uint8Array(64)), /HDF5/],
  ['a tar archive', tar, /tar archive/],
  ['ONNX', bytes(0x08, 8, 0x12, 7, 'pytorch'), /ONNX/],
  ['gzip', bytes(0x1f, 0x8b, 8, new Uint8Array(20)), /gzip/],
  ['NumPy', bytes(0x93, 'NUMPY', 1, 0), /NumPy/],
  ['an unfinished download', new Uint8Array(4096), /nothing but zeros/],
  ['a stream of protocol 1 that ends early', bytes('L119547037146038801333356L\n.'), /ends early/],
  ['another pickle', pickle(new Map([['a', 1]])), /a pickle, but not one that torch.save wrote/],
  ['an empty zip archive', bytes('PK\x05\x06', new Uint8Array(18)), /empty zip/],
  ['text', bytes('hello'), /starts with the bytes 68 65 6c 6c 6f/],
])('%s is named', async (_, file, message) => {
  const error = await errorOf(openBytes(file, 'model.pth'))
  expect(error.code).toBe('invalid-checkpoint')
  expect(error.message).toMatch(message)
  expect(error.message).toMatch(/^model\.pth: /)
  expect(error.hint).toMatch(/\.$/)
})
