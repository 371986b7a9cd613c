import { expect, test } from '@jest/globals';
import { isUid, TransferSyntaxes as S } from '../../../src/dicom/index.js';
import { derivedUid } from '../../../src/gateway/lossy-instance.js';

test('PS3.5 B.2: the UID of what is made of an instance is always the same, and another one for another way to make it', () => {
  const uid = derivedUid('1.2.3', S.JpegBaseline.uid, 'jpegQuality 90');
  expect(isUid(uid)).toBe(true);
  expect(derivedUid('1.2.3', S.JpegBaseline.uid, 'jpegQuality 90')).toBe(uid);
  expect(derivedUid('1.2.3', S.JpegBaseline.uid, 'jpegQuality 91')).not.toBe(uid);
  expect(derivedUid('1.2.4', S.JpegBaseline.uid, 'jpegQuality 90')).not.toBe(uid);
});
