import { expect, test } from '@jest/globals';
import { serviceRoutes } from '../../../src/http/api-routes.js';
import { memo, readOnlyRoutes } from '../../../src/http/capability-routes.js';

test('a description is made once for each service URL, and no more than the last ones are kept', () => {
  const made: string[] = [];
  const described = memo((url, routes) => {
    made.push(url);
    return `${url} ${routes.length}`;
  });
  expect(described('http://a', serviceRoutes)).toBe(`http://a ${serviceRoutes.length}`);
  expect(described('http://a', serviceRoutes)).toBe(`http://a ${serviceRoutes.length}`);
  // One that nobody may store at is another.
  expect(readOnlyRoutes.length).toBeLessThan(serviceRoutes.length);
  expect(described('http://a', readOnlyRoutes)).toBe(`http://a ${readOnlyRoutes.length}`);
  expect(made).toEqual(['http://a', 'http://a']);
  // What is asked for goes on being kept, whatever else others ask for.
  for (let count = 0; count < 100; count += 1) {
    described(`http://${count}`, serviceRoutes);
    described('http://a', serviceRoutes);
  }
  expect(made).toHaveLength(102);
  described('http://0', serviceRoutes);
  expect(made).toHaveLength(103);
});
