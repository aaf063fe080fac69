{{/* What the pods of the service, of the migration and of the tests have in common. */}}

{{/* The sets of pods: one that does everything, or one for each role. */}}
{{- define "reassure.workloads" -}}
{{- $name := include "reassure.fullname" . }}
{{- range $role, $own := .Values.split }}
- {{ dict "name" (printf "%s-%s" $name $role) "component" $role "roles" (list $role) "pods" (mergeOverwrite (deepCopy $.Values.pods) ($own | default dict)) | toJson }}
{{- else }}
- {{ dict "name" $name "component" "service" "roles" (list "ingest" "dispatch" "http") "pods" .Values.pods | toJson }}
{{- end }}
{{- end }}

{{/* Of every container of ours; `roles` where pods do not do everything, `named` where they keep their names. */}}
{{- define "reassure.env" -}}
- name: REASSURE_CONFIG
  value: /etc/reassure/config/reassure.toml
{{- with .roles }}
- name: REASSURE__SERVICE__ROLES
  value: {{ join "," . }}
{{- end }}
{{- if .named }}
- name: NAMESPACE
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
- name: POD
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: REASSURE__BUS__INSTANCE
  value: $(NAMESPACE).$(POD)
{{- end }}
{{- with .root.Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Folders are mounted whole: what is mounted by a subPath is never updated. */}}
{{- define "reassure.folderMounts" -}}
{{- range $kind, $folder := .Values.folders }}
{{- if $folder }}
- name: {{ $kind }}
  mountPath: /etc/reassure/{{ $kind }}
  readOnly: true
{{- end }}
{{- end }}
{{- end }}

{{- define "reassure.folderVolumes" -}}
{{- $name := include "reassure.fullname" . }}
{{- range $kind, $folder := .Values.folders }}
{{- if $folder }}
- name: {{ $kind }}
  {{- if $folder.files }}
  configMap:
    name: {{ $name }}-{{ $kind }}
    items:
      {{- range $path, $_ := $folder.files }}
      - key: {{ include "reassure.key" $path }}
        path: {{ $path }}
      {{- end }}
  {{- else }}
  {{- toYaml $folder.volume | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Of every pod: what is there before the release is. */}}
{{- define "reassure.mounts" -}}
- name: config
  mountPath: /etc/reassure/config
  readOnly: true
{{- if .Values.existingSecret }}
- name: secrets
  mountPath: /run/secrets/reassure
  readOnly: true
{{- end }}
- name: scratch
  mountPath: /tmp
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* `config` is the name of the ConfigMap that holds it. */}}
{{- define "reassure.volumes" -}}
- name: config
  configMap:
    name: {{ .config }}
{{- with .root }}
{{- with .Values.existingSecret }}
- name: secrets
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
- name: scratch
  emptyDir:
    sizeLimit: 64Mi
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end }}

{{/* A path as the key of a ConfigMap, which may hold no slash. */}}
{{- define "reassure.key" -}}
{{- replace "/" "--" . }}
{{- end }}

{{/* Of every pod. */}}
{{- define "reassure.podSettings" -}}
# variables of other Services could be taken for settings
enableServiceLinks: false
automountServiceAccountToken: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end }}

{{/* A container of ours, up to its arguments. */}}
{{- define "reassure.container" -}}
image: {{ include "reassure.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- toYaml .root.Values.securityContext | nindent 2 }}
env:
  {{- include "reassure.env" . | nindent 2 }}
{{- with .root.Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
