import assert from 'node:assert';
import { describe, it, test } from 'node:test';

test('total', () => assert.strictEqual(2 + 2, 4));

describe('basket', () => {
  it('holds two items', () => {});
  it('adds up', () => assert.strictEqual(2 + 2, 5, 'the total is <wrong> & odd'));
  it('refunds', { skip: 'no refunds yet' }, () => {});
  it('taxes', { todo: 'later' }, () => {});
  describe('when empty', () => {
    it('costs nothing', () => {});
  });
});
