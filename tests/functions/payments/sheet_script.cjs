// Runs the script of docs/payments.md with a pretended spreadsheet: text that begins like a formula runs, unless its cell is text.
const fs = require('fs');
const { script, requests, locked, broken } = JSON.parse(fs.readFileSync(0, 'utf8'));
const rows = [];
let flushedBeforeRelease = false, flushed = false, released = 0;
const cellOf = (row, column) => ((rows[row - 1] ||= [])[column - 1] ||= { value: '', format: '' });
const shown = (value, format) => {
  if (typeof value !== 'string' || format === '@') return value;
  if (/^[=+\-@]/.test(value)) return '#RAN';
  return /^\d+$/.test(value) ? Number(value) : value;
};
const sheet = {
  getLastRow: () => rows.length,
  getRange: (row, column, height = 1, width = 1) => ({
    setValues: (values) => { if (broken) throw new Error('Service Spreadsheets failed'); values.forEach((line, y) => line.forEach((value, x) => { const cell = cellOf(row + y, column + x); cell.value = shown(value, cell.format); })); },
    setNumberFormats: (formats) => formats.forEach((line, y) => line.forEach((format, x) => { cellOf(row + y, column + x).format = format; })),
    getValues: () => Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => cellOf(row + y, column + x).value)),
    getValue: () => cellOf(row, column).value,
  }),
};
let made = false;
const SpreadsheetApp = {
  getActiveSpreadsheet: () => ({ getSheetByName: () => (made ? sheet : null), insertSheet: () => { made = true; return sheet; } }),
  flush: () => { flushed = true; },
};
const LockService = { getScriptLock: () => ({ tryLock: () => !locked, releaseLock: () => { released += 1; flushedBeforeRelease = flushed; } }) };
const ContentService = { MimeType: { JSON: 'json' }, createTextOutput: (text) => ({ text, setMimeType() { return this; } }) };
const doPost = new Function('SpreadsheetApp', 'LockService', 'ContentService', script + '\nreturn doPost;')(SpreadsheetApp, LockService, ContentService);
const answers = requests.map((request) => JSON.parse(doPost({ postData: { contents: typeof request === 'string' ? request : JSON.stringify(request) } }).text));
console.log(JSON.stringify({ answers, rows: rows.map((row) => row.map((cell) => cell.value)), flushedBeforeRelease, released }));
