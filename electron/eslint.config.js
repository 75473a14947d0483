'use strict';

const js = require('@eslint/js');
const globals = require('globals');

module.exports = [
  { ignores: ['dist/', 'trust/'] },
  js.configs.recommended,
  {
    languageOptions: { sourceType: 'commonjs', globals: globals.node },
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', 300],
      'no-var': 'error',
      'prefer-const': 'error',
      strict: ['error', 'global'],
    },
  },
  {
    files: ['window/**/*.mjs'],
    languageOptions: { sourceType: 'module', globals: globals.browser },
    rules: { strict: 'off' },
  },
  {
    files: ['src/example/window/*.js'],
    languageOptions: { globals: { ...off(globals.node), ...globals.browser } },
  },
  {
    files: ['window/logic/**/*.mjs'],
    // Run by node --test as well: nothing of a document is there.
    languageOptions: { globals: { ...off(globals.browser), ...globals['shared-node-browser'] } },
  },
  {
    files: ['test/e2e/**/*.js'],
    // Functions in them run in pages.
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
  },
];

function off(names) {
  return Object.fromEntries(Object.keys(names).map((name) => [name, 'off']));
}
