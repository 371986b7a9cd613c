{{/* Seconds of a time as the configuration has it: a number of milliseconds, or 500ms, 30s, 2m, 1h. */}}
{{- define "gw.seconds" -}}
{{- $text := kindIs "string" . | ternary . (int64 .) | toString -}}
{{- $number := regexFind "^[0-9.]+" $text | float64 -}}
{{- $unit := regexFind "[a-z]+$" $text -}}
{{- $factor := get (dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 "" 0.001) $unit -}}
{{- mulf $number $factor | ceil | int64 -}}
{{- end -}}

{{/* Bytes of a size as Kubernetes has it. */}}
{{- define "gw.bytes" -}}
{{- $number := regexFind "^[0-9]+" . | int64 -}}
{{- $unit := regexFind "[A-Za-z]+$" . -}}
{{- mul $number (get (dict "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776) $unit | int64) -}}
{{- end -}}

{{/* gateway.yaml: what the values say, and what the chart itself sets. */}}
{{- define "gw.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $own := dict "http" (dict "listen" "0.0.0.0:8080" "drainTimeout" (printf "%ds" (int .Values.drain.seconds))) "admin" (dict "listen" "0.0.0.0:9090") -}}
{{- if include "gw.isSet" . -}}
{{- $_ := set $own "dimse" (dict "listen" "0.0.0.0:11112") -}}
{{- else -}}
{{- $_ := set $own "dimse" (dict "aeTitle" .Values.dimse.aeTitle) -}}
{{- end -}}
{{- if ne .Values.cache.kind "none" -}}
{{- $bytes := include "gw.bytes" .Values.cache.size | int64 -}}
{{- $disk := dict "directory" "/var/cache/dicomweb-gateway" "size" (div (mul $bytes 85) 100) -}}
{{- if ne .Values.cache.kind "emptyDir" -}}
{{- $_ := set $disk "keepFree" (div (mul $bytes 5) 100) -}}
{{- end -}}
{{- $_ := set $own "cache" (dict "disk" $disk) -}}
{{- end -}}
{{- mergeOverwrite $config $own | toYaml -}}
{{- end -}}

{{/* What the PACS is told of a pod, with {ordinal}. */}}
{{- define "gw.advertise" -}}
{{- if .Values.dimse.advertise -}}
{{- .Values.dimse.advertise -}}
{{- else if eq .Values.dimse.exposure "hostPort" -}}
$(HOST_IP):{{ .Values.dimse.port }}
{{- else -}}
{{ include "gw.fullname" . }}-dimse-{ordinal}.{{ .Release.Namespace }}.svc:{{ .Values.dimse.port }}
{{- end -}}
{{- end -}}

{{/* Something where the port of the operator has TLS. */}}
{{- define "gw.adminTls" -}}
{{- if get (get .Values.config "admin" | default dict) "tls" -}}true{{- end -}}
{{- end -}}

{{/* Something where the gateway itself has TLS for DICOMweb. */}}
{{- define "gw.httpTls" -}}
{{- if get (get .Values.config "http" | default dict) "tls" -}}true{{- end -}}
{{- end -}}
