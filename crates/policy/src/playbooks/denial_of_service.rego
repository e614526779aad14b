# Denial of service: keep serving whom one can, have the flood taken away upstream.
# Facts: volumetric, application_layer, customer_facing, extortion, spoofed.
package incident.playbooks.denial_of_service

import data.incident.facts
import rego.v1

title := "Denial of service response"

version := "1.0.0"

default severity := "medium"

severity := "high" if facts.is("customer_facing")

default extortion := false

extortion if facts.is("extortion")

default volumetric := false

volumetric if facts.is("volumetric")

default application_layer := false

application_layer if facts.is("application_layer")

default kind_unknown := false

kind_unknown if {
	not volumetric
	not application_layer
}

actions := facts.chosen([
	{
		"applies": true, "id": "confirm", "type": "task", "phase": "analysis", "priority": "high",
		"title": "Tell an attack from a fault or a crowd",
		"description": sprintf("Traffic, errors and releases of %s: since when, from where, on which layer.", [facts.systems_named]),
		"due_in_minutes": 15,
	},
	{
		"applies": volumetric, "id": "upstream", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Have the traffic filtered upstream",
		"description": "Call the provider or the scrubbing service with targets, sources and protocols; a route to nowhere only for what can be given up.",
		"due_in_minutes": 30,
	},
	{
		"applies": application_layer, "id": "limit", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Limit and challenge expensive requests",
		"description": "Rate limits by client and path, challenges in front of log-in and search, caches for what may be cached.",
		"due_in_minutes": 30,
	},
	{
		"applies": kind_unknown, "id": "classify", "type": "task", "phase": "analysis", "priority": "critical",
		"title": "Find out which layer is exhausted",
		"description": "Line, connections, processors or database: it decides what helps.",
		"due_in_minutes": 30,
	},
	{
		"applies": true, "id": "capacity", "type": "task", "phase": "containment", "priority": "high",
		"title": "Give up what is least needed and add capacity where it helps",
		"description": "Static pages for the rest; keep the ways by which staff and administrators come in apart.",
		"due_in_minutes": 60,
	},
	{
		"applies": true, "id": "watch-other", "type": "task", "phase": "analysis", "priority": "high",
		"title": "Watch for what the flood may hide",
		"description": "Sign-ins, outgoing data and changes while everybody looks at the traffic.",
		"due_in_minutes": 60,
	},
	{
		"applies": facts.is("customer_facing"), "id": "status", "type": "task", "phase": "containment", "priority": "high",
		"title": "Tell customers what does not work and when they hear more",
		"description": "From a status page that does not stand on the attacked systems.",
		"due_in_minutes": 60,
	},
	{
		"applies": extortion, "id": "report-extortion", "type": "task", "phase": "containment", "priority": "high",
		"title": "Report the extortion to the police; do not pay",
		"description": "Keep the messages with their headers as evidence.",
		"due_in_minutes": 240,
	},
	{
		"applies": true, "id": "harden", "type": "task", "phase": "recovery", "priority": "medium",
		"title": "Take the measures back step by step, and keep those that cost nothing",
		"description": "Watch for a return for at least a day.",
		"due_in_minutes": 1440,
	},
])
