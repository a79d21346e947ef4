import { it } from 'vitest';

throw new Error('this file fails before its tests');

it('is never reached', () => {});
