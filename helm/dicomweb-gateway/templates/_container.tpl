{{- define "gw.container" -}}
name: gateway
image: {{ include "gw.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [serve, --config, /etc/dicomweb-gateway/gateway.yaml]
env: {{- include "gw.env" . | nindent 2 }}
{{- with .Values.existingSecrets }}
envFrom:
  {{- range . }}
  - secretRef: { name: {{ . }} }
  {{- end }}
{{- end }}
ports:
  - { name: http, containerPort: 8080 }
  - { name: admin, containerPort: 9090 }
  {{- if include "gw.isSet" . }}
  - name: dimse
    containerPort: 11112
    {{- if eq .Values.dimse.exposure "hostPort" }}
    hostPort: {{ .Values.dimse.port }}
    {{- end }}
  {{- end }}
startupProbe:
  httpGet: { path: /healthz, port: admin{{ if include "gw.adminTls" . }}, scheme: HTTPS{{ end }} }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: admin{{ if include "gw.adminTls" . }}, scheme: HTTPS{{ end }} }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: admin{{ if include "gw.adminTls" . }}, scheme: HTTPS{{ end }} }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
lifecycle:
  preStop:
    sleep: { seconds: {{ .Values.drain.preStopSeconds }} }
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
resources: {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  - { name: config, mountPath: /etc/dicomweb-gateway, readOnly: true }
  {{- if ne .Values.cache.kind "none" }}
  - { name: cache, mountPath: /var/cache/dicomweb-gateway }
  {{- end }}
  {{- range $index, $secret := .Values.secretFiles }}
  - { name: secret-{{ $index }}, mountPath: {{ $secret.path }}, readOnly: true }
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "gw.env" -}}
# What the image says would win over the file, but means nothing to the gateway when it is empty.
- { name: DICOMGW_HTTP_LISTEN, value: '' }
- { name: DICOMGW_CACHE_DISK_DIRECTORY, value: '' }
{{- if include "gw.isSet" . }}
- name: POD_ORDINAL
  valueFrom: { fieldRef: { fieldPath: "metadata.labels['apps.kubernetes.io/pod-index']" } }
{{- if and (eq .Values.dimse.exposure "hostPort") (not .Values.dimse.advertise) }}
- name: HOST_IP
  valueFrom: { fieldRef: { fieldPath: status.hostIP } }
{{- end }}
- name: DICOMGW_DIMSE_AE_TITLE
  value: {{ replace "{ordinal}" "$(POD_ORDINAL)" .Values.dimse.aeTitle | quote }}
- name: DICOMGW_DIMSE_ADVERTISE
  value: {{ include "gw.advertise" . | replace "{ordinal}" "$(POD_ORDINAL)" | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
