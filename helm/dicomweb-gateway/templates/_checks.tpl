{{/* Most pods at one time. */}}
{{- define "gw.mostPods" -}}
{{- if include "gw.isSet" . -}}
{{- .Values.replicas -}}
{{- else -}}
{{- add 1 (.Values.autoscaling.enabled | ternary .Values.autoscaling.maxReplicas .Values.replicas) -}}
{{- end -}}
{{- end -}}

{{/* What is wrong between values that are right by themselves. */}}
{{- define "gw.checks" -}}
{{- if not .Values.config.peers -}}
{{- fail "config.peers: takes at least one PACS, such as { main: { address: PACS@192.0.2.20:104 } }" -}}
{{- end -}}
{{- include "gw.checks.own" . -}}
{{- include "gw.checks.kind" . -}}
{{- include "gw.checks.dimse" . -}}
{{- include "gw.checks.load" . -}}
{{- include "gw.checks.access" . -}}
{{- include "gw.checks.network" . -}}
{{- include "gw.checks.rest" . -}}
{{- end -}}

{{- define "gw.checks.own" -}}
{{- range $path, $value := dict "http.listen" "service.port" "http.drainTimeout" "drain.seconds" "admin.listen" "nothing: it is 9090" "dimse.listen" "kind: statefulset" "dimse.aeTitle" "dimse.aeTitle" "dimse.advertise" "dimse.advertise" "cache.disk" "cache.size" -}}
{{- $parts := splitList "." $path -}}
{{- if hasKey (get $.Values.config (first $parts) | default dict) (last $parts) -}}
{{- fail (printf "config.%s: is set by the chart; use the value %s" $path $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "gw.checks.kind" -}}
{{- if include "gw.isSet" . -}}
{{- if .Values.autoscaling.enabled -}}
{{- fail "autoscaling: not with kind statefulset, whose pods are AE titles that the PACS must know" -}}
{{- end -}}
{{- else -}}
{{- if eq .Values.cache.kind "claim" -}}
{{- fail "cache.kind: claim needs kind statefulset, for a cache belongs to one pod; use ephemeral" -}}
{{- end -}}
{{- range $name, $peer := .Values.config.peers -}}
{{- if eq (get $peer "retrieve" | default "auto") "move" -}}
{{- fail (printf "config.peers.%s.retrieve: move needs kind statefulset" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "gw.checks.dimse" -}}
{{- $has := contains "{ordinal}" .Values.dimse.aeTitle -}}
{{- if include "gw.isSet" . -}}
{{- if not $has -}}
{{- fail "dimse.aeTitle: needs {ordinal} with kind statefulset, such as GATEWAY{ordinal}: the PACS sends to an AE title, and each pod must have its own" -}}
{{- end -}}
{{- if and (contains "{ordinal}" (include "gw.advertise" .) | not) (eq .Values.dimse.exposure "service") (gt (int .Values.replicas) 1) -}}
{{- fail "dimse.advertise: needs {ordinal}, for each pod has an address of its own" -}}
{{- end -}}
{{- else if $has -}}
{{- fail "dimse.aeTitle: {ordinal} needs kind statefulset" -}}
{{- end -}}
{{- $longest := replace "{ordinal}" (sub (int .Values.replicas) 1 | max 0 | toString) .Values.dimse.aeTitle -}}
{{- if gt (len $longest) 16 -}}
{{- fail (printf "dimse.aeTitle: %s is longer than 16 characters" $longest) -}}
{{- end -}}
{{- with .Values.dimse.service -}}
{{- range $key, $list := dict "nodePorts" .nodePorts "loadBalancerIPs" .loadBalancerIPs -}}
{{- if and $list (ne (len $list) (int $.Values.replicas)) -}}
{{- fail (printf "dimse.service.%s: takes one for each of %d pods" $key (int $.Values.replicas)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "gw.checks.load" -}}
{{- range $name, $most := .Values.pacs.maxAssociations -}}
{{- $peer := get $.Values.config.peers $name -}}
{{- if not $peer -}}
{{- fail (printf "pacs.maxAssociations.%s: is none of config.peers" $name) -}}
{{- end -}}
{{- $each := get $peer "associations" | default 4 | int -}}
{{- $pods := include "gw.mostPods" $ | int -}}
{{- if gt (mul $pods $each) (int $most) -}}
{{- fail (printf "pacs.maxAssociations.%s: %d pods (one more than usual while they are replaced, unless they are a statefulset) with config.peers.%s.associations %d may open %d, and the PACS allows %d" $name $pods $name $each (mul $pods $each) (int $most)) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (not .Values.pacs.maxAssociations) -}}
{{- fail "pacs.maxAssociations: must say what each PACS allows before the number of pods may grow by itself" -}}
{{- end -}}
{{- end -}}

{{- define "gw.checks.access" -}}
{{- $access := .Values.config.access | default dict -}}
{{- $monitor := .Values.monitoring.serviceMonitor -}}
{{- if and $monitor.enabled $access (not $access.anonymous) (not $monitor.authorization) (not $monitor.tlsConfig) -}}
{{- fail "monitoring.serviceMonitor.authorization: must name the Secret with a token that config.access lets see the metrics, or Prometheus is answered 401" -}}
{{- end -}}
{{- $admin := .Values.config.admin | default dict -}}
{{- if eq (get ($admin.tls | default dict) "clientAuth" | toString) "required" -}}
{{- fail "config.admin.tls.clientAuth: required ends the probes of Kubernetes, which have no certificate; use optional" -}}
{{- end -}}
{{- end -}}

{{/* What a closed network would keep the pods from. */}}
{{- define "gw.checks.network" -}}
{{- $policy := .Values.networkPolicy -}}
{{- if $policy.enabled -}}
{{- if not $policy.pacs -}}
{{- fail "networkPolicy.pacs: must say where each PACS is, or it cannot be reached" -}}
{{- end -}}
{{- $of := .Values.config -}}
{{- $reached := dict "config.access.issuers" (get ($of.access | default dict) "issuers") "config.audit.syslog" (get ($of.audit | default dict) "syslog") "config.tracing" (get ($of.tracing | default dict) "enabled") -}}
{{- range $path, $isThere := $reached -}}
{{- if and $isThere (not $policy.extraEgress) -}}
{{- fail (printf "networkPolicy.extraEgress: must let the pods reach what %s names" $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "gw.checks.rest" -}}
{{- range $name, $peer := .Values.config.peers -}}
{{- $between := get (get $peer "timeouts" | default dict) "betweenResponses" | default "60s" -}}
{{- if le (int $.Values.drain.seconds) (include "gw.seconds" $between | int) -}}
{{- fail (printf "drain.seconds: must be longer than config.peers.%s.timeouts.betweenResponses (%s), or a sub-operation that is running is cut off" $name (kindIs "string" $between | ternary $between (int64 $between) | toString)) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host: must be named" -}}
{{- end -}}
{{- end -}}
