// Package output writes a plan in the forms that people and tools use, one file per form: recommendations.json, proposed.json,
// apply.sh and rollback.sh, the summary, Markdown for a pull request, a table and CSV. Every form is fed by the same recommend.Plan and the estate it was made
// from; none decides anything of its own. Names, descriptions and tags come from the reviewed account and are hostile until
// escaped: escape.go holds the one place for each target.
package output
