# What the playbooks ask of their input. Facts about the incident stand under `incident` or beside it; what else is known
# stands beside it: what was not said is not so.
package incident.facts

import rego.v1

default severity := "medium"

severity := fact("severity")

# What was said under a name, null where nothing was.
said(name) := object.get(object.get(input, "incident", {}), name, object.get(input, name, null))

# The value of a fact; undefined where it was not said.
fact(name) := said(name) if said(name) != null

# Whether a fact was said and is so.
is(name) := said(name) == true

is_grave if severity in {"critical", "high"}

default personal_data := false

personal_data if is("personal_data")

personal_data if fact("affected_records") > 0

default systems := []

systems := fact("affected_systems")

default systems_named := "the affected systems"

systems_named := concat(", ", array.slice(systems, 0, 5)) if {
	count(systems) > 0
	count(systems) <= 5
}

systems_named := sprintf("%s and %d more", [concat(", ", array.slice(systems, 0, 5)), count(systems) - 5]) if count(systems) > 5

# Minutes until what cannot wait is done.
soon := 30 if is_grave

soon := 120 if not is_grave

# The steps that apply, without saying so.
chosen(steps) := [object.remove(step, ["applies"]) |
	some step in steps
	step.applies
]
